/* A device made with libmodbus, for the tests of the field: unit 1 with holding registers, coils, and inputs that follow the coils.
 *
 *   server tcp            Modbus TCP on a free port of this machine
 *   server rtu PATH       Modbus RTU on a terminal, 9600 8N1
 *
 * It says "ready PORT" when it listens. Lines on its input: "register ADDRESS VALUE" sets one, "look ADDRESS" prints a register,
 * "coil ADDRESS" prints a coil. It ends with its input. */
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ELEMENTS 512
#define CLIENTS 8

static modbus_t *modbus;
static modbus_mapping_t *tables;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
  exit(1);
}

/* One line of the input. */
static void told(const char *line) {
  int address, value;
  if (sscanf(line, "register %d %d", &address, &value) == 2)
    tables->tab_registers[address] = (uint16_t)value;
  else if (sscanf(line, "look %d", &address) == 1)
    printf("%d\n", tables->tab_registers[address]);
  else if (sscanf(line, "coil %d", &address) == 1)
    printf("%d\n", tables->tab_bits[address]);
}

/* Whole lines only; poll does not see what stands in a buffer of stdio. */
static int read_input(void) {
  static char text[4096];
  static size_t have;
  ssize_t count = read(0, text + have, sizeof text - have - 1);
  if (count <= 0)
    return 0;
  have += (size_t)count;
  text[have] = 0;
  for (char *end; (end = strchr(text, '\n')) != NULL;) {
    *end = 0;
    told(text);
    have -= (size_t)(end + 1 - text);
    memmove(text, end + 1, have + 1);
  }
  return 1;
}

/* Answers one request; 0 when its client is gone. */
static int answer(int from) {
  uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
  modbus_set_socket(modbus, from);
  int length = modbus_receive(modbus, request);
  if (length < 0)
    return 0;
  if (length > 0)
    modbus_reply(modbus, request, length, tables);
  memcpy(tables->tab_input_bits, tables->tab_bits, ELEMENTS);
  return 1;
}

static int listen_on_free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, CLIENTS) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &length) < 0)
    fail("listen");
  printf("ready %d\n", ntohs(address.sin_port));
  return listener;
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct pollfd watched[2 + CLIENTS] = {{.fd = 0, .events = POLLIN}};
  int used = 2, is_tcp = count == 2 && strcmp(arguments[1], "tcp") == 0;
  if (!is_tcp && (count != 3 || strcmp(arguments[1], "rtu") != 0)) {
    fprintf(stderr, "usage: server tcp | server rtu PATH\n");
    return 64;
  }
  tables = modbus_mapping_new(ELEMENTS, ELEMENTS, ELEMENTS, ELEMENTS);
  modbus = is_tcp ? modbus_new_tcp("127.0.0.1", 0) : modbus_new_rtu(arguments[2], 9600, 'N', 8, 1);
  if (modbus == NULL || tables == NULL || modbus_set_slave(modbus, 1) < 0)
    fail("start");
  if (is_tcp) {
    watched[1] = (struct pollfd){.fd = listen_on_free_port(), .events = POLLIN};
  } else {
    if (modbus_connect(modbus) < 0)
      fail("open");
    watched[1] = (struct pollfd){.fd = modbus_get_socket(modbus), .events = POLLIN};
    printf("ready 0\n");
  }
  for (;;) {
    if (poll(watched, (nfds_t)used, -1) < 0 && errno != EINTR)
      fail("poll");
    if (watched[0].revents != 0 && !read_input())
      return 0;
    if (watched[1].revents != 0) {
      if (!is_tcp)
        answer(watched[1].fd);
      else if (used < 2 + CLIENTS)
        watched[used++] = (struct pollfd){.fd = accept(watched[1].fd, NULL, NULL), .events = POLLIN};
    }
    for (int n = 2; n < used; n++)
      if (watched[n].revents != 0 && !answer(watched[n].fd)) {
        close(watched[n].fd);
        watched[n--] = watched[--used];
      }
  }
}
