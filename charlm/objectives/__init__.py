"""What a run learns: its model, its batches and its judge, one file a kind of model."""
