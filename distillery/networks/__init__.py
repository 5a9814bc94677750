"""Networks: a backbone by name, one output per head, stored as safetensors."""
