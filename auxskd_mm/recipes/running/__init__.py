"""How steps are run: budgets in steps, in this process or in worker processes, in the order of their weights."""
