/*
 * A server of KV_PROG on the system's own RPC library, which registers itself with rpcbind for TCP
 * over IPv4 and answers the null procedure: somebody else's server under our number.
 */
#include <kv.h>
#include <netconfig.h>
#include <rpc/rpc.h>
#include <stdio.h>
#include <stdlib.h>

static void dispatch(struct svc_req *request, SVCXPRT *transport)
{
    if (request->rq_proc == NULLPROC) {
        svc_sendreply(transport, (xdrproc_t)xdr_void, NULL);
    } else {
        svcerr_noproc(transport);
    }
}

int main(void)
{
    struct netconfig *tcp = getnetconfigent("tcp");
    if (tcp == NULL || svc_tp_create(dispatch, KV_PROG, KV_V1, tcp) == NULL) {
        fprintf(stderr, "stock_server: cannot be registered\n");
        return EXIT_FAILURE;
    }
    svc_run();
    return EXIT_FAILURE;
}
