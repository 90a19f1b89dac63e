"""What every layer shares: errors, checks, imports, whole files, seeds. No domain words."""
