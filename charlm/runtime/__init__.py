"""The NumPy engine: trained models without TensorFlow."""
