"""The parts of :func:`auxskd_mm.apis.run_recipe.run_recipe`."""
