"""Simulated Arduino Uno and Mega: a cycle-exact AVR on a serial port, as a process of its own."""

from tinyproof.simulators.avr.bootloader import bootloader
from tinyproof.simulators.avr.program import simulator_program
from tinyproof.simulators.avr.simulator import AvrSimulator, AvrStatus, simulate

__all__ = ["AvrSimulator", "AvrStatus", "bootloader", "simulate", "simulator_program"]
