"""ROS messages to core types and back."""
