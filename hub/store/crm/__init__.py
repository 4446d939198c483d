"""What is between a person and a CRM: records, questions, and what a CRM is told by rule."""
