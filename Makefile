.PHONY: build
build:
	@bash -c 'source .venv/local_setup.bash && colcon build --merge-install --symlink-install --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE=$(CURDIR)/.venv/bin/python'
