"""Posts on their way out: drafts, images, deliveries, copies, and when each may go."""
