"""The page where a team works: FastAPI, templates and the API."""
