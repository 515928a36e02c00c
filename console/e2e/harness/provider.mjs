// An OpenID provider that signs in whomever the test says, without a page of its own.
import { OAuth2Server } from './tools.mjs'

/** Starts the provider; `user` is whom it signs in from now on. */
export async function startProvider() {
  const server = new OAuth2Server()
  await server.issuer.keys.generate('RS256')
  const provider = {
    user: null,
    issuer: null,
    stop: () => server.stop(),
  }
  server.service.on('beforeTokenSigning', (token) => {
    Object.assign(token.payload, provider.user)
  })
  await server.start(0, 'localhost')
  provider.issuer = server.issuer.url
  return provider
}
