# Read by cmake when Cargo builds libaom, the only library here that is built by it.
#
# The same optimised library is in tests and in the program: Cargo's profile for development would ask
# for one that is thirty times slower, and that stops the process at an inexact floating-point number.
set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)

# Samples have 8 bits, and nothing is in a WebM file or scaled. The text is how libaom tells what was
# asked for from its own defaults.
set(asked "No help, variable specified on the command line.")
set(CONFIG_AV1_HIGHBITDEPTH 0 CACHE STRING "${asked}")
set(CONFIG_WEBM_IO 0 CACHE STRING "${asked}")
set(CONFIG_LIBYUV 0 CACHE STRING "${asked}")
