"""Text that fits, routes and the loop guard, the outbox, settling an unknown outcome."""
