"""SCons script of the stand-in for PlatformIO's ``native`` platform: this machine's compiler."""

import os

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
env.Replace(
    CC=os.environ.get("CC", "gcc"),
    CXX=os.environ.get("CXX", "g++"),
    LINK="$CXX",
    SIZETOOL="size",
    SIZEPRINTCMD="$SIZETOOL $SOURCES",
)

program = env.subst("$PROGPATH") if "nobuild" in COMMAND_LINE_TARGETS else env.BuildProgram()
run = env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Running $SOURCE")
AlwaysBuild(env.Alias("nobuild", program))
env.AddPlatformTarget(
    "size", program, env.VerboseAction("$SIZEPRINTCMD", "Sizes of $SOURCE"), "Program Size"
)
env.AddPlatformTarget("exec", program, run, "Run")
env.AddPlatformTarget("upload", program, run, "Run", "As `exec`")
Default(program)
