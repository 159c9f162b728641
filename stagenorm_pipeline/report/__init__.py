"""Reports as text, Markdown, HTML and JSON. Pure: no I/O, database, environment or Dagster."""
