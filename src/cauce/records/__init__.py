"""The platform's records: projects, studies, versions, uploads, revisions, jobs, results, links in the vault."""
