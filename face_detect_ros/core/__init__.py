"""Types and algorithms that need nothing but NumPy: no ROS, no OpenCV, no devices."""
