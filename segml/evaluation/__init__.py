"""Whether segments hold, move and earn their keep: validity, migration, drift, experiments."""
