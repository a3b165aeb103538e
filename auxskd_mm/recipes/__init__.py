"""Recipes: several trainings and evaluations in order, and a report on them."""
