"""What a CRM is told by rule of what people say: notes, tasks and leads."""
