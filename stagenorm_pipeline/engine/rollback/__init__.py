"""Roll back changes from the audit log. `rollback` previews and records, `scope` checks what to roll back."""
