# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

from glob import glob

from setuptools import find_packages, setup

PACKAGE = "face_detect_ros"
URL = "https://github.com/face-detect-ros/face_detect_ros"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={
        PACKAGE: ["py.typed", "ros/*.xml", "weights/*", "web/page/*", "web/page/*/*", "reports/report.css"]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", glob("launch/*.launch.py")),
        (f"share/{PACKAGE}/config", glob("config/*.*")),
        (f"share/{PACKAGE}/config/sros2", glob("config/sros2/*")),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    url=URL,
    project_urls={"Bug Tracker": f"{URL}/issues", "Changelog": f"{URL}/blob/main/CHANGELOG.rst"},
    author="face_detect_ros authors",
    author_email="face_detect_ros@users.noreply.github.com",
    maintainer="face_detect_ros authors",
    maintainer_email="face_detect_ros@users.noreply.github.com",
    description="Finds faces and objects in ROS 2 image streams and publishes them as vision_msgs.",
    license="Apache-2.0",
    extras_require={"test": ["pytest"]},
    entry_points={
        "console_scripts": [
            "face_detect_ros = face_detect_ros.cli.app:main",
            "face_detector = face_detect_ros.ros.start:face_detector",
            "object_detector = face_detect_ros.ros.start:object_detector",
            "video_source = face_detect_ros.ros.start:video_source",
            "perception = face_detect_ros.ros.start:perception",
            "viewer = face_detect_ros.ros.start:viewer",
        ],
    },
)
