"""Finds faces in ROS 2 image streams and publishes them as vision_msgs."""

__version__ = "0.1.0"
