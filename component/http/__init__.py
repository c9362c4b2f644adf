"""What every route and page stands on: cookies, responses, static pages, security headers, origin, client address."""
