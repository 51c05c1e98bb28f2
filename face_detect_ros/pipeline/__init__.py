"""One way of an image from a camera to results, without ROS."""
