"""What is reported: torchmetrics by kind of head, each with a bootstrap interval over people."""
