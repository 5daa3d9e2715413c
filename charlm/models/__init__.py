"""The models, in Keras."""
