"""The study: what each method is worth, by training the pipeline's networks in many variants and comparing them."""
