"""What clients send, and the few small answers that no service has a view for."""
