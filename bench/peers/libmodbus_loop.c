/* A bare polling loop of libmodbus: reads 125 holding registers of units 1 to N in turn for some seconds, and says how often.
   libmodbus_loop tcp HOST PORT UNITS SECONDS | libmodbus_loop rtu PATH BAUD UNITS SECONDS */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  modbus_t *line = strcmp(argv[1], "tcp") == 0
                       ? modbus_new_tcp(argv[2], atoi(argv[3]))
                       : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
  int units = atoi(argv[4]);
  double until = now() + atof(argv[5]);
  uint16_t words[125];
  long good = 0, bad = 0;
  if (line == NULL || modbus_connect(line) == -1) return 69;
  modbus_set_response_timeout(line, 2, 0);
  for (int unit = 1; now() < until; unit = unit % units + 1) {
    modbus_set_slave(line, unit);
    if (modbus_read_registers(line, 0, 125, words) == 125) good++; else bad++;
  }
  printf("%ld %ld\n", good, bad);
  return 0;
}
