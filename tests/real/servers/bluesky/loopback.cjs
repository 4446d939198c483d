// Keeps every server of this process on 127.0.0.1: the packages listen on all interfaces.
const net = require('node:net')

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  if (typeof args[0] === 'number') {
    const rest = args.slice(1).filter((arg) => typeof arg === 'function')
    return listen.call(this, { port: args[0], host: '127.0.0.1' }, ...rest)
  }
  if (args[0] && typeof args[0] === 'object' && 'port' in args[0]) {
    return listen.call(this, { ...args[0], host: '127.0.0.1', ipv6Only: false }, ...args.slice(1))
  }
  return listen.apply(this, args)
}
