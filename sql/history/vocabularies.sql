-- Read the contents of vocabularies by their versions. Those of plans from before vocabularies were kept are missing.
SELECT vocabulary_version, content
FROM stage_migration_vocabularies
WHERE vocabulary_version = ANY (%(versions)s::text[]);
