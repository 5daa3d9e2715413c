import os
os.environ["TF_CPP_MIN_LOG_LEVEL"]="3"
os.environ["KERAS_BACKEND"]="tensorflow"
import tensorflow as tf
import keras
