# Read by cmake when Cargo builds libaom, the only library here that is built by it.
#
# The same optimised library is in tests and in the program. Cargo's profile for development would ask
# for one that is not optimised, and that ends the process at a floating-point number near zero.
set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)

# Only samples of 8 bits are encoded, and none are scaled or in a WebM file: a quarter less to build. The
# text is how libaom tells what was asked for from its own defaults.
set(asked "No help, variable specified on the command line.")
set(CONFIG_AV1_HIGHBITDEPTH 0 CACHE STRING "${asked}")
set(CONFIG_WEBM_IO 0 CACHE STRING "${asked}")
set(CONFIG_LIBYUV 0 CACHE STRING "${asked}")
