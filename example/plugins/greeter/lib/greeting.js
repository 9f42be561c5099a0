export const greeting = now => (now.getHours() < 12 ? 'Good morning' : 'Hello')
