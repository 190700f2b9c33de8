/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_server_process.c - see grpc_server_process.h. */
#include "grpc_server_process.h"

#include "grpc_double.h"

#include <sys/wait.h>
#include <unistd.h>

static void tell(int fd, int number) {
    if (write(fd, &number, sizeof number) != (ssize_t)sizeof number)
        _exit(1);
}

static int hear(int fd) {
    int number = 0;
    return read(fd, &number, sizeof number) == (ssize_t)sizeof number ? number : 0;
}

/* Serves until the other end of `control` is closed. */
static void serve(int control, int result) {
    const struct grpc_step fine = { .status = 0 };
    grpc_double *server = grpc_double_start(0, &fine, 1);
    tell(result, grpc_double_port(server));
    hear(control);
    tell(result, (int)grpc_double_requests(server));
    grpc_double_stop(server);
    _exit(0);
}

struct grpc_server_process grpc_server_process_start(void) {
    int control[2], result[2];
    struct grpc_server_process server = { .port = 0 };
    if (pipe(control) != 0 || pipe(result) != 0)
        return server;
    server.pid = fork();
    if (server.pid == 0) {
        close(control[1]);
        close(result[0]);
        serve(control[0], result[1]);
    }
    close(control[0]);
    close(result[1]);
    server.control = control[1];
    server.result = result[0];
    server.port = hear(server.result);
    return server;
}

int grpc_server_process_stop(struct grpc_server_process *server) {
    close(server->control);
    int requests = hear(server->result);
    close(server->result);
    waitpid(server->pid, NULL, 0);
    return requests;
}
