"""The ROS 2 side: nodes, message conversion, parameters. The only folder that imports rclpy or messages."""
