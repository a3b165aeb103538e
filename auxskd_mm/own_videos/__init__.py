"""Own videos: from a folder of clips and a few labels to a verdict, a trained model and a report.

``run.py`` is the order of the work, ``tools/own_videos.py`` its command line. The trainings and measurements are those
of ``configs/recipes/own_videos.py``, which the recipe engine runs.
"""
