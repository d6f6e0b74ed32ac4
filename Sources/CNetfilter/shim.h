// What Netfilter needs of libmnl, libnftnl and the kernel's nf_tables and rtnetlink interfaces.
// <netinet/in.h> comes first: <linux/netfilter.h> would otherwise bring in <linux/in6.h>, which clashes with it.
#include <netinet/in.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
