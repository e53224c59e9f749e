"""HTTP/1.1 as models need it: requests as bytes, connections that are kept, replies bounded in size.

One rule: a connection is used again only after a whole reply with nothing behind it; anything else closes it. Replies
are parsed by llhttp (`httptools`), never here. Time-outs are the transport's.
"""
