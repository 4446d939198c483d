"""A trial of a CRM's account: all that it can do, on a record of its own."""
