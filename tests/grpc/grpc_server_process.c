/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_server_process.c - see grpc_server_process.h. */
#include "grpc_server_process.h"

#include "grpc_double.h"

#include <grpc/grpc.h>
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
static void serve(const struct grpc_server_plan *plan, int control, int result) {
    const struct grpc_step step = { .silent = plan->silent };
    grpc_ssl_pem_key_cert_pair pair = { plan->key, plan->certificate };
    struct grpc_double_options options = { .port = 0 };
    grpc_init();
    if (plan->key)
        options.credentials = grpc_ssl_server_credentials_create(NULL, &pair, 1, 0, NULL);
    grpc_double *server = grpc_double_start_with(&options, &step, 1);
    grpc_shutdown();
    tell(result, grpc_double_port(server));
    hear(control);
    tell(result, (int)grpc_double_requests(server));
    grpc_double_stop(server);
    _exit(0);
}

struct grpc_server_process grpc_server_process_start(const struct grpc_server_plan *plan) {
    int control[2], result[2];
    struct grpc_server_process server = { .port = 0 };
    if (pipe(control) != 0 || pipe(result) != 0)
        return server;
    server.pid = fork();
    if (server.pid == 0) {
        close(control[1]);
        close(result[0]);
        serve(plan, control[0], result[1]);
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
