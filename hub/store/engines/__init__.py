"""What an engine keeps in the same database: the SQL that it brought along, and the messages that it queues."""
