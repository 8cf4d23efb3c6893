"""SCons script: the Arduino core of the distribution, built as the Arduino IDE builds it."""

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
platform = env.PioPlatform()
board = env.BoardConfig()

framework = platform.get_package_dir("framework-arduino-avr")
core = f"{framework}/cores/{board.get('build.core')}"
variant = f"{framework}/variants/{board.get('build.variant')}"

env.Append(
    CPPDEFINES=[
        ("ARDUINO", 10819),
        "ARDUINO_ARCH_AVR",
        "ARDUINO_" + board.get("build.board"),
    ],
    CPPPATH=[core, variant],
    LIBSOURCE_DIRS=[f"{framework}/libraries"],
)

# The Arduino core sizes a buffer with DECIMAL_DIG, which GCC before 6 defines for C only.
core_env = env.Clone()
core_env.Append(CPPDEFINES=[("DECIMAL_DIG", "__DECIMAL_DIG__")])
libraries = [core_env.BuildLibrary("$BUILD_DIR/FrameworkArduino", core)]
env.BuildSources("$BUILD_DIR/FrameworkArduinoVariant", variant)
env.Prepend(LIBS=libraries)
