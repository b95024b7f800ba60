// Takes forms of files with Multer and writes them to a folder: nothing is read, hashed, encrypted or synced.
// Usage: node server.js PORT FOLDER
"use strict";

const express = require("express");
const multer = require("multer");

const [port, folder] = process.argv.slice(2);
const application = express();
application.get("/readyz", (_request, response) => response.sendStatus(200));
application.post("/", multer({ dest: folder }).array("files"), (request, response) => {
  response.status(201).json({ files: request.files.length });
});
application.listen(Number(port), "127.0.0.1");
