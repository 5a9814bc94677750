"""Selection policies, one file each: from stored probabilities to the weight of each cell; 0 refuses it."""
