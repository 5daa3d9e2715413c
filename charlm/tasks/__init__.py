"""Texts that programs of ours generate, one file each."""
