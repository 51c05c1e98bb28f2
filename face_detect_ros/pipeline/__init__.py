# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From frames to results, without ROS: detect, track, recognize, cover.

Six lines run it on anything::

    from face_detect_ros.core.frame import Frame
    from face_detect_ros.pipeline.recipe import Recipe

    with Recipe(task="faces").build() as pipeline:
        stream = pipeline.open_stream("front")
        result = pipeline.process([(stream, Frame(image))], pipeline.default_options)[0]
"""
