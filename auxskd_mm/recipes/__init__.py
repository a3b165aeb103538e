"""Recipes: several trainings and evaluations in a row, and the report on them."""
