"""What people agreed to, what is held of them, and how it goes for good."""
